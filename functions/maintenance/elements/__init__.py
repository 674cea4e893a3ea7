"""Looking after storage elements: their modes, whether their storage answers, and what lies in them."""
