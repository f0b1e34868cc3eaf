from race_to_efficiency.api.bands import forecast as forecast
from race_to_efficiency.api.facts import load_ledger as load_ledger
from race_to_efficiency.api.facts import load_quarter as load_quarter
from race_to_efficiency.api.gamma import fit_gamma as fit_gamma
from race_to_efficiency.api.kappa import fit_kappa as fit_kappa
from race_to_efficiency.api.kappa import load_fit as load_fit
from race_to_efficiency.api.prediction import optimal_allocation as optimal_allocation
from race_to_efficiency.api.prediction import predict_loss as predict_loss
from race_to_efficiency.api.results import plot as plot
from race_to_efficiency.api.scores import score as score
from race_to_efficiency.relative_loss import relative_loss as relative_loss
from race_to_efficiency.relative_loss import time_to_target as time_to_target

__version__: str
PUBLIC: dict[str, str]
