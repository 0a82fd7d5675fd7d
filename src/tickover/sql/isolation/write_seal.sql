-- Seal the database, and say so in the audit. No row comes back where the seal is not, or no longer, the one that was decided on.
WITH written AS (
  INSERT INTO tickover.seal AS s (kind, name, identity, by)
  VALUES (%(kind)s, %(name)s, tickover.store_identity(), %(by)s)
  ON CONFLICT (the_one) DO UPDATE
    SET kind = excluded.kind, name = excluded.name, identity = excluded.identity, by = excluded.by, sealed_at = now()
    WHERE (s.kind, s.name, s.identity) = (%(was_kind)s::text, %(was_name)s::text, %(was_identity)s::text)
  RETURNING s.identity
)
INSERT INTO tickover.audit (action, subject, by, reason, evidence)
SELECT %(action)s, 'database', %(by)s, %(reason)s, %(evidence)s::jsonb || jsonb_build_object('identity', written.identity)
FROM written
RETURNING id
