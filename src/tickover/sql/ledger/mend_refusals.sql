-- A request to this endpoint was accepted, so whatever kept others out is mended.
UPDATE tickover.refusal SET mended_at = now() WHERE endpoint = %(endpoint)s AND mended_at IS NULL
RETURNING cause
