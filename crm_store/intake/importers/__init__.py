"""Importers of whole data sets that have a form of their own. Each yields lines for crm_store.intake.importing."""
