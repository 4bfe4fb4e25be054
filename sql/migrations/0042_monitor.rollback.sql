DROP TABLE model_monitor_history, model_monitor, model_states;
