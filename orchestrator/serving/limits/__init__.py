"""What the endpoint takes on: admission, body sizes, times, clients that leave."""
