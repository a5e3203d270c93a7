"""One script for each page, run by Streamlit from top to bottom; a page knows no other page."""
