"""The knowledge base (知识库) and announcements (公告). May import what ``crm`` may."""
