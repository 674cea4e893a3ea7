"""What the templates must keep: rules that give the violations they find."""
