SELECT to_regclass('tickover.seal') IS NOT NULL AS exists
