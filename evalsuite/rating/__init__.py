"""The web app in which people rate outputs, blind: a small server on loopback, over sqlite."""
