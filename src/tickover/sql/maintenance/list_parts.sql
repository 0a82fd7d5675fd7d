-- The parts of a table, those of the oldest rows first: its partitions, or the table itself. With each, the tables that hold
-- its rows, and whether all of its time lies before a moment, which only partitions by ranges of the one column tell.
WITH whole AS (
  SELECT c.oid, c.relkind, coalesce(p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] = %(since)s, false) AS by_time
  FROM pg_class c LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
  WHERE c.oid = %(table)s::bigint::oid
), part AS (
  SELECT i.inhrelid AS oid, w.by_time, pg_get_expr(c.relpartbound, c.oid) AS bound
  FROM whole w JOIN pg_inherits i ON i.inhparent = w.oid AND w.relkind = 'p' AND NOT i.inhdetachpending
    JOIN pg_class c ON c.oid = i.inhrelid
  UNION ALL SELECT oid, false, NULL FROM whole WHERE relkind = 'r'
), timed AS (
  SELECT oid, CASE WHEN by_time THEN substring(bound FROM 'FROM \(''([^'']*)''\)')::timestamptz END AS lower,
    CASE WHEN by_time THEN substring(bound FROM 'TO \(''([^'']*)''\)')::timestamptz END AS upper
  FROM part
)
SELECT ARRAY[n.nspname, c.relname]::text[] AS name, coalesce(upper <= %(before)s, false) AS is_past,
  ARRAY(SELECT ARRAY[ln.nspname, l.relname]::text[]
    FROM (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid WHERE c.relkind = 'r') leaf
      JOIN pg_class l ON l.oid = leaf.relid AND l.relkind = 'r' JOIN pg_namespace ln ON ln.oid = l.relnamespace
    ORDER BY ln.nspname, l.relname) AS leaves
FROM timed JOIN pg_class c ON c.oid = timed.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE lower IS NULL OR lower < %(before)s
ORDER BY upper NULLS LAST, lower NULLS LAST, n.nspname, c.relname
