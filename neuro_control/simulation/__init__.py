"""The MuJoCo world behind topics: world, effects, node, cameras, recording and rendering."""
