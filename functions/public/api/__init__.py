"""The API about itself: its endpoints, its OpenAPI document, its examples, its reference."""
