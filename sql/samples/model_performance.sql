SELECT mp.*, m.model_name FROM model_performance mp JOIN models m ON mp.model_id = m.id ORDER BY mp.sharpe_ratio DESC;
