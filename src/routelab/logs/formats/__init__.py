"""Files of rows: CSV, JSON Lines, Parquet, one file or a folder of them."""
