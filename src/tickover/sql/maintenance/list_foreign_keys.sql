-- The foreign keys that are asked about when a row of these tables goes: those that refer to them, and to what goes with them.
WITH RECURSIVE pruned AS (
  SELECT to_regclass(name)::oid AS oid FROM unnest(%(tables)s::text[]) AS name
  UNION SELECT f.conrelid FROM pruned JOIN pg_constraint f ON f.confrelid = pruned.oid
  WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confdeltype = 'c'
)
SELECT DISTINCT ARRAY[n.nspname, c.relname]::text[] AS name, ARRAY(SELECT a.attname::text
    FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
      JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number ORDER BY k.place) AS columns
FROM pruned JOIN pg_constraint f ON f.confrelid = pruned.oid AND f.contype = 'f' AND f.conparentid = 0
  JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2
