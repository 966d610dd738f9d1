"""What tests of backends share: strategies for hypothesis."""
