-- Which environment this database belongs to: one row, or none. It goes with every copy; the identity does not.
CREATE TABLE tickover.seal (
  the_one   boolean PRIMARY KEY DEFAULT true CHECK (the_one),
  kind      text NOT NULL CHECK (kind IN ('production', 'preview', 'development', 'test')),
  name      text NOT NULL,
  identity  text NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT now(),
  by        text NOT NULL
);

-- What tells this database from any copy of it: the cluster that it was made in, and its number there. A server that keeps
-- its cluster's identifier to itself is told by the number alone.
CREATE FUNCTION tickover.store_identity() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  cluster text := '';
BEGIN
  BEGIN
    SELECT system_identifier::text INTO cluster FROM pg_control_system();
  EXCEPTION WHEN insufficient_privilege OR undefined_function THEN
    cluster := '-';
  END;
  RETURN cluster || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database());
END
$$;
