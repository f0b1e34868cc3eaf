"""Where independent pieces are computed, and how they are shared out; the place changes no digit."""
