-- The valid indexes of a table: their columns, an expression as the empty string, and the condition of a partial one.
SELECT ARRAY(SELECT coalesce(a.attname, '')::text FROM generate_series(0, i.indnkeyatts - 1) AS place
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place] AND a.attnum > 0 ORDER BY place) AS columns,
  pg_get_expr(i.indpred, i.indrelid) AS predicate, m.amname = 'btree' AS is_ordered
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = to_regclass(%(table)s) AND i.indisvalid AND m.amname IN ('btree', 'hash')
