-- A table and its columns with their numbers and types, or no row where there is no such table.
SELECT t.oid::bigint, t.relkind IN ('r', 'p') AS is_table,
  coalesce((SELECT jsonb_object_agg(a.attname, jsonb_build_array(a.attnum, format_type(a.atttypid, NULL)))
    FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}') AS columns
FROM pg_class t WHERE t.oid = to_regclass(%(table)s)
