"""kappa: forms of loss against scale, their batched robust fits, intervals, the gate, and the pool of families."""
