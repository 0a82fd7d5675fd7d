-- The tables that hold the rows of one: its partitions, or itself. And whether it has partitions.
SELECT ARRAY[n.nspname, c.relname]::text[] AS name, whole.relkind = 'p' AS is_partitioned
FROM pg_class whole, LATERAL (
    SELECT relid AS oid FROM pg_partition_tree(whole.oid) WHERE isleaf UNION SELECT whole.oid WHERE whole.relkind = 'r') leaf
  JOIN pg_class c ON c.oid = leaf.oid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE whole.oid = to_regclass(%(table)s)
ORDER BY 1
