"""Fakes and made-up documents that tests share; each fake passes the contract of its port."""
