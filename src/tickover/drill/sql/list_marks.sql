SELECT obligation_id, fence, responsibility, at FROM drill.mark ORDER BY id
