DROP TABLE factor_evaluation_history, factor_evaluation;
