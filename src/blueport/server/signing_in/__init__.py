"""Who is signed in to the dashboard, and how one comes to be."""
