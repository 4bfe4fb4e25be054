DROP TABLE planted_truths_history, planted_truths;
