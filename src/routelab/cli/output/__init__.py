"""What commands show: tables, progress, where a report and a record went."""
