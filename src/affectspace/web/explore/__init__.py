"""The service of an embedded collection: its affect plane, live, for the one who opened it."""
