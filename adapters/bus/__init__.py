"""The bus inside the process, for one owner of a data folder."""
