"""What every request passes through: access control, body limits, host checks and the request log."""
