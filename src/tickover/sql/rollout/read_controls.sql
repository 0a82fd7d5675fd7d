-- What is set for these functions; one for which nobody has set anything has no stage.
SELECT asked.function, c.stage, c.percent, coalesce(c.version, 0) AS version, c.changed_by, c.reason, c.changed_at,
       coalesce(c.held, false) AS held, coalesce(c.auto, false) AS auto, coalesce(c.rolled_back, false) AS rolled_back
FROM unnest(%(functions)s::text[]) WITH ORDINALITY AS asked (function, place)
LEFT JOIN tickover.control c ON c.function = asked.function
ORDER BY asked.place
