"""The application: settings and providers put together, and what is done with them."""
