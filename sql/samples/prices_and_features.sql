SELECT md.symbol, md.date, md.close_price, fs.features FROM market_data md JOIN feature_store fs ON md.symbol = fs.symbol AND md.date = fs.date WHERE md.date >= DATE '2013-03-01' - INTERVAL '7 days';
