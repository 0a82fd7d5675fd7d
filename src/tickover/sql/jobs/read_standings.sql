-- How claimed jobs stand: under which fence, and in which state.
SELECT id, fence, state FROM tickover.job WHERE id = ANY (%(id)s)
