"""What exists: assets and their checks. Each is thin: it calls one stage of the engine and reports what was written."""

import warnings

import dagster as dg

# Backfill policies and other parts of Dagster's public interface are marked beta; its version is pinned.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
