"""What noise, rotation, spreading and the like do to every metric of codes."""
