"""An authorization server that tests administer, ask and attack."""
