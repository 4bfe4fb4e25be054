DROP TABLE book_holdings, book_holdings_history, book_attribution, book_attribution_history;
