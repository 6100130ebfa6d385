"""What a trained generator is judged by; nothing here knows a network, only functions that draw pictures."""
