-- What the database says of itself; one row, without a seal where nobody has sealed it.
SELECT s.kind, s.name, s.identity AS sealed_identity, tickover.store_identity() AS identity
FROM (VALUES (1)) AS here (n) LEFT JOIN tickover.seal s ON true
