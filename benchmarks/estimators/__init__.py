"""How right the estimators of partial logs are: on worlds with known values, and on hidden logs."""
