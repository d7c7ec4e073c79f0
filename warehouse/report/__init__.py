"""The report: one page made of figures, which needs no network and no other file. Pure but for its parts."""
