"""The brief: what a board reads in four screens; everything else is the annex."""
