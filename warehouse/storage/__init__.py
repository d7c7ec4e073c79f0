"""Stores and what is kept in them. The only place where foreign errors are translated."""
