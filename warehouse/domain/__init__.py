"""Pure decisions: bytes and facts in, records and decisions out. No I/O, no clock, no environment."""
