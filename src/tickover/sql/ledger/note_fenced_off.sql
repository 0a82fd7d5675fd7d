-- An executor found that another had taken over: both were at it. Evidence only, so no fence is asked for.
UPDATE tickover.obligation SET fenced_off = fenced_off + 1 WHERE id = %(id)s
