"""Logs of requests and what models did on them; the only user of pyarrow and pandas."""
