-- The causes for which requests are being refused, the newest first; what is mended, or long over, is left out.
SELECT endpoint, cause, detail, count, first_at, last_at FROM tickover.refusal
WHERE mended_at IS NULL AND last_at > now() - %(recent)s::interval
ORDER BY last_at DESC
