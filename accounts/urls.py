from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts.forms import SignInForm
from accounts.views import home

urlpatterns = [
    path("", home, name="home"),
    path("sign-in/", LoginView.as_view(authentication_form=SignInForm, template_name="accounts/sign_in.html"), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
]
