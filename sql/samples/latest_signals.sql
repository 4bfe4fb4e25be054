SELECT s.*, m.model_name FROM signals s JOIN models m ON s.model_id = m.id ORDER BY s.created_at DESC LIMIT 10;
